import time

print("I run, and that is all that I do")
time.sleep(100_000)
