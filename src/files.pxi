# What the readers of files ask of the native half.


def vanished_pages():
    """How many pages of mapped files were gone when they were read; zeros were read instead.

    The first call sees to it that such a page does not kill the process (SIGBUS).
    """
    return kl_vanished_pages()
