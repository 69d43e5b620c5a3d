"""Transfer protocol data units of short messages (3GPP TS 23.040, 23.038): octets to values and back, without I/O."""
