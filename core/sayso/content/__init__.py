"""What may be asked and answered: requests, fields, schemas, numbers, text and their digests.

Pure: a function of its arguments. Everything here may be read by every other wing.
"""
