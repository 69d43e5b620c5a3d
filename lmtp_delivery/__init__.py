"""The LMTP agent: takes mail from Postfix, one reply per recipient, and hands it to the right storage host."""
