"""SMPP 3.4 without I/O: codec, session of both sides, receipts, texts.

Libraries were tried on the PDUs of tests/mail2sms/smpp and do not meet the needs of a carrier link:

* smpplib 2.2.4 reads a PDU that is cut, or a string without its 0x00, as other fields without an error; takes the last
  character off a message id whose 0x00 is missing; loses its place at a number TLV of unusual size, raises KeyError at
  a TLV it does not list for the command, and sends a long password cut; takes 32 us to read or write a PDU.
* aiosmpplib 0.7.4 owns the socket and acknowledges before anything is recorded; raises ValueError on a vendor's
  command_status and on every PDU it does not know, data_sm among them.
* smpp34 1.5.0 reads submit_sm and deliver_sm only (the rest is raw octets), its client acknowledges by itself, runs
  threads of its own and takes no CA file.
"""
