"""MM7: what an MMSC and we say to each other in SOAP 1.1 over HTTP (3GPP TS 23.140, 8.7), without any I/O.

``codec.decode`` makes a message of a body and its content type, ``codec.encode`` the other way round in a carrier's
dialect, ``outcome.read`` says what an HTTP answer to a request of ours means.
"""
