"""What `twistd` and `twist` find of targon-gw.

Every start of any twistd on the machine runs this file, so it imports nothing of ours and nothing that would install a
reactor: `--reactor` is obeyed only as long as none is. `targon_gw.twistd` is loaded once the sub-command is chosen.
"""

from twisted.application.service import ServiceMaker

targonGateway = ServiceMaker(
    "targon-gw",
    "targon_gw.twistd",
    "An OpenAI-compatible gateway over many keys of an AI-model vendor",
    "targon-gw",
)
