"""The rules compiled with Numba, for any number of rows side by side.

Everything but `availability` needs the extra `fast`.
"""
