"""Models of clip statistics, fitted at once by scikit-learn: what a network must beat before it is worth a look."""
