"""The model that is made cheaper: how it is called, which task it does, what it returns, what state it keeps."""
