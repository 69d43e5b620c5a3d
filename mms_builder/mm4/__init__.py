"""MM4: what MMSCs say to each other by mail (3GPP TS 23.140, 8.4), without any I/O.

``codec.decode`` makes a message of a mail's octets, ``codec.encode`` the other way round, with the envelope for SMTP.
"""
