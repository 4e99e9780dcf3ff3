"""Reports: attendance by person, course and day; registers not taken; students at risk; exports."""
