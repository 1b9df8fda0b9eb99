"""Forms made from a command: which questions, what is offered, what was answered, what is wrong with it."""
