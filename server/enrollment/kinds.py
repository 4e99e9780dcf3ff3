"""The kinds of jobs of enrolment."""

ENCODE = "encode"  # a photo into templates
COMPARE = "compare"  # a person's templates with those of all other people
ADD_MODEL = "add_model"  # a kept photo into the template of a further model
ALL = (ENCODE, COMPARE, ADD_MODEL)
