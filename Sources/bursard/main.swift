import CZeroingFree
print("bursard")
