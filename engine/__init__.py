"""The rules of Đôn Đốc: pure values, no input or output, no clock, nothing else of ours."""
