"""Files of the user and of the program: the one door by which inputs are opened, and the one by which results come."""
