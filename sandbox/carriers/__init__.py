"""The simulated carrier: an ISMG that speaks CMPP 2.0 and 3.0 on a real socket, and the phones behind it."""
