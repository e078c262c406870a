"""What tests of several packages share: simulated hardware, kernels, servers, databases, models and records."""
