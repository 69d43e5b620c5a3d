"""What every login over a byte stream does alike, without I/O: cut the stream, number, keep the window, test, end."""
