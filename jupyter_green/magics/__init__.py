"""IPython magics: parse a line, call one function, return a displayable object."""
