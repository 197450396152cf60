"""What is looked up and settled before anybody is asked: rules, grants, routes, limits, what was before."""
