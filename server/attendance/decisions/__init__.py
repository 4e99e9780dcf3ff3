"""What people decide about a register: corrections, remarks, and that it is confirmed."""
