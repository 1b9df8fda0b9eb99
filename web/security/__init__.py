"""What stands around every request: who is asking, from where, how much they send, and which headers they get back."""
