"""The state of the process while recipes run: settings, output, memory, network, time limit."""
