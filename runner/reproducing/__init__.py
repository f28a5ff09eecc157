"""Makes published results again, at the commit and with the data that their manifest names; and checks a results folder against it.

recording     what a results folder says of how it was made, and that nobody has changed it since
checkout      the recorded code and data in a folder of their own
surroundings  what of the environment is not as it was; where Python finds the project's own packages
virtual       a virtual environment with the recorded versions
child         xrun in a process of its own, ended when we are
equality      two tables, point by point
outcome       what came of it, in words and as plain data
verifying     a results folder against its manifest, without running anything
"""
