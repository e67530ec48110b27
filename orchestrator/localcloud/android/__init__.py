"""Phones on a cable as devices of the local cloud, by way of the adb binary."""
