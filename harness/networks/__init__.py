"""The parts that families compose."""
