"""Classes and other groups of students, and the courses that take their students from them."""
