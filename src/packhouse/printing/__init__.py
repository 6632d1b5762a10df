"""Paper: what is typeset, and the papers themselves."""
