"""What an operator deploys, run as it is deployed."""
