"""What was said in a recording, as people read it: subtitles, segments, text. All of it is pure.

Passage --timing--> units with times --cues--> cues --files--> SRT, WebVTT
"""
