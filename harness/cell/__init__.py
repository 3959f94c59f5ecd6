"""One cell, from images to numbers: prepare, train, evaluate, record; resumable at each step.

What is finished is in the tracking store: weights once training is over, each number as soon as it
is computed. What is half done is a checkpoint in the site's work folder. So a cell that is killed
anywhere goes on from there when it is run again.
"""
