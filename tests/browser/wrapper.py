"""A kernel of another language: it says R, and repeats what it is told. It runs in an environment of its own."""

from typing import Any, ClassVar

from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel


class Parrot(Kernel):
    implementation = "parrot"
    implementation_version = "1"
    banner = "A kernel that is not Python."
    language_info: ClassVar = {"name": "R", "mimetype": "text/x-rsrc", "file_extension": ".R"}

    def do_execute(self, code: str, silent: bool, *_rest: Any, **_more: Any) -> dict[str, Any]:
        if not silent:
            self.send_response(self.iopub_socket, "stream", {"name": "stdout", "text": code})
        return {"status": "ok", "execution_count": self.execution_count, "payload": [], "user_expressions": {}}


if __name__ == "__main__":
    IPKernelApp.launch_instance(kernel_class=Parrot)
