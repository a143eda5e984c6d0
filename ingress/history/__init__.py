"""What was said in sessions, for those whose sessions they were: lists, transcripts, subtitles, and their end.

door --listing--> which sessions there are      --shown, texts--> JSON, text, SRT, WebVTT
     --erasing--> nothing is left of one
"""
