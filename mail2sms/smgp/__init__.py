"""SMGP 3.0.3, China Telecom's protocol between an SP and an SMGW: codec and sessions, without I/O."""
