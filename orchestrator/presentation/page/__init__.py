"""What each section of the report page shows, worked out from the report: texts, and positions in percent.

Templates do no arithmetic, and the page's script never formats a number: both only place what is made here.
"""
