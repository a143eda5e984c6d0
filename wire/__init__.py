"""What all of Dragoman's processes share: messages, subjects, the topology, the bus, settings, errors and logs."""
