"""Floor 7: the magics. Parse, call one function below, return an object that shows itself."""
