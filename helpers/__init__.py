"""Helpers of the course: data, checks and plots. What a page teaches is built on that page first."""
