"""The dialogue with a GSM modem (AT commands, 3GPP TS 27.005 and 27.007), without I/O."""
