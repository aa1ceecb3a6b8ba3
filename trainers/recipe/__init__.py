"""How a network is trained: settings, first weights, learning rate, filter clip."""
