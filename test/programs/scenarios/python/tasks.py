"""What queues run by its name."""


def add(a, b):
    return a + b


def fail():
    raise ValueError("not today")
