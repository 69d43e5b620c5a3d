"""Handset profiles (H4): ``starting_set`` (what is shipped), ``resolve`` (from a name to what the phone can show)."""
