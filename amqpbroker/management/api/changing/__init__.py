"""What the API changes of queues, exchanges, bindings and messages; what it reads of them is one folder up."""
