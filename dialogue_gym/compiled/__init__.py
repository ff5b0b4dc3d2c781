"""The rules compiled with Numba, for any number of rows side by side.

Everything but `compiler` needs the extra `fast`.
"""
