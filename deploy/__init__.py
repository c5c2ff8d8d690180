"""What is shipped beside the program, and what writes the parts of it that follow from others."""
