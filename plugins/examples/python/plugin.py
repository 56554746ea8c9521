"""A plugin for Tiphys in Python: a traffic router that writes weights into a file, a metric, a step.

It shows the whole protocol in as few lines as possible; `run` starts it.
"""

import json
import os
import sys
import threading
from concurrent import futures

import grpc

from tiphys.plugin.v1 import plugin_pb2 as pb
from tiphys.plugin.v1 import plugin_pb2_grpc as services


class Plugin(services.PluginServicer):
    def Describe(self, request, context):
        return pb.DescribeReply(protocol=1, version="example 1.0")


class Traffic(services.TrafficServicer):
    """Keeps the weights of all Rollouts in the JSON file that the configuration names."""

    def wanted(self, request):
        rollout = json.loads(request.rollout)["metadata"]
        state = {
            "canary": request.canary.weight,
            "stable": request.stable.weight,
            "headers": [route.name for route in request.headers],
        }
        return f"{rollout['namespace']}/{rollout['name']}", state

    def file(self, request, context):
        name = json.loads(request.config).get("file")
        if not name:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "config.file is missing")
        return name

    def read(self, name):
        try:
            with open(name, encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            return {}

    def Route(self, request, context):
        name = self.file(request, context)
        everything = self.read(name)
        rollout, state = self.wanted(request)
        if everything.get(rollout) != state:
            everything[rollout] = state
            with open(name + ".part", "w", encoding="utf-8") as file:
                json.dump(everything, file)
            os.replace(name + ".part", name)
        return pb.RouteReply()

    def Verify(self, request, context):
        rollout, state = self.wanted(request)
        found = self.read(self.file(request, context)).get(rollout)
        if found == state:
            return pb.VerifyReply(verification=pb.VERIFICATION_VERIFIED)
        return pb.VerifyReply(verification=pb.VERIFICATION_NOT_YET, message=f"the file has {found}")


class Metric(services.MetricServicer):
    """Measures the value that the configuration gives."""

    def Run(self, request, context):
        (config,) = json.loads(request.metric)["provider"]["plugin"].values()
        return pb.Measurement(phase="Successful", value=str(config["value"]))

    def GarbageCollect(self, request, context):
        return pb.GarbageCollectReply()


class Step(services.StepServicer):
    """Takes as many runs as the configuration says."""

    def Run(self, request, context):
        done = json.loads(request.status or "{}").get("runs", 0) + 1
        wanted = json.loads(request.config).get("runs", 1)
        phase = "Successful" if done >= wanted else "Running"
        return pb.StepReply(phase=phase, requeue_after_seconds=1, status=json.dumps({"runs": done}))

    def Terminate(self, request, context):
        return pb.StepReply(phase="Successful")

    Abort = Terminate


def main():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    services.add_PluginServicer_to_server(Plugin(), server)
    services.add_TrafficServicer_to_server(Traffic(), server)
    services.add_MetricServicer_to_server(Metric(), server)
    services.add_StepServicer_to_server(Step(), server)
    server.add_insecure_port("unix:" + os.environ["TIPHYS_PLUGIN_SOCKET"])
    server.start()
    # When standard input ends, Tiphys is gone.
    threading.Thread(target=lambda: (sys.stdin.read(), server.stop(None))).start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
