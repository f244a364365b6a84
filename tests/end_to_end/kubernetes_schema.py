"""What the objects of a launch need of Kubernetes' API, written by us from its published reference, and a judge that takes
an object apart by it. Every property that Windlass may write is here with its type; one that is not here is refused, as a
strict API server does (fieldValidation=Strict), and so is one of another type, and a missing one that is required. Beside
it: what the "restricted" Pod Security Standard asks of a pod.

    python3 kubernetes_schema.py SWAGGER.JSON

compares it with Kubernetes' own OpenAPI document (api/openapi-spec/swagger.json in its sources).
"""

import json
import re
import sys

STRING, INTEGER, BOOLEAN = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
LABELS = {"type": "map", "of": {"type": "string", "pattern": r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$", "longest": 63}}
NAME = {"type": "string", "pattern": r"^[a-z]([-a-z0-9]*[a-z0-9])?$", "longest": 63}
QUANTITY = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$"}
PORT = {"type": "integer", "from": 1, "to": 65535}


def fields(_required=(), **properties):
    return {"type": "object", "properties": properties, "required": list(_required)}


def ref(name):
    return {"ref": name}


def many(item):
    return {"type": "array", "items": item}


DEFINITIONS = {
    "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta": fields(
        name=NAME, namespace=NAME, labels=LABELS, annotations={"type": "map", "of": STRING}
    ),
    "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector": fields(matchLabels=LABELS),
    "io.k8s.api.apps.v1.Deployment": fields(
        ("apiVersion", "kind", "metadata", "spec"),
        apiVersion={"type": "string", "pattern": "^apps/v1$"},
        kind={"type": "string", "pattern": "^Deployment$"},
        metadata=ref("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"),
        spec=ref("io.k8s.api.apps.v1.DeploymentSpec"),
    ),
    "io.k8s.api.apps.v1.DeploymentSpec": fields(
        ("selector", "template"),
        replicas=INTEGER,
        strategy=fields(type={"type": "string", "pattern": "^(Recreate|RollingUpdate)$"}),
        selector=ref("io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector"),
        template=fields(
            metadata=ref("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"), spec=ref("io.k8s.api.core.v1.PodSpec")
        ),
    ),
    "io.k8s.api.core.v1.PodSpec": fields(
        ("containers",),
        automountServiceAccountToken=BOOLEAN,
        enableServiceLinks=BOOLEAN,
        terminationGracePeriodSeconds=INTEGER,
        securityContext=fields(
            runAsNonRoot=BOOLEAN,
            runAsUser=INTEGER,
            runAsGroup=INTEGER,
            fsGroup=INTEGER,
            seccompProfile=fields(("type",), type={"type": "string", "pattern": "^(RuntimeDefault|Localhost|Unconfined)$"}),
        ),
        containers=many(ref("io.k8s.api.core.v1.Container")),
        volumes=many(ref("io.k8s.api.core.v1.Volume")),
    ),
    "io.k8s.api.core.v1.Container": fields(
        ("name",),
        name=NAME,
        image=STRING,
        command=many(STRING),
        workingDir=STRING,
        env=many(fields(("name",), name={"type": "string", "pattern": r"^[-._a-zA-Z][-._a-zA-Z0-9]*$"}, value=STRING)),
        ports=many(fields(("containerPort",), containerPort=PORT, protocol={"type": "string", "pattern": "^(TCP|UDP|SCTP)$"})),
        resources=fields(limits={"type": "map", "of": QUANTITY}, requests={"type": "map", "of": QUANTITY}),
        securityContext=fields(
            allowPrivilegeEscalation=BOOLEAN,
            privileged=BOOLEAN,
            runAsNonRoot=BOOLEAN,
            capabilities=fields(drop=many(STRING), add=many(STRING)),
        ),
        volumeMounts=many(fields(("name", "mountPath"), name=NAME, mountPath=STRING, readOnly=BOOLEAN)),
    ),
    "io.k8s.api.core.v1.Volume": fields(
        ("name",),
        name=NAME,
        emptyDir=fields(sizeLimit=QUANTITY),
        persistentVolumeClaim=fields(("claimName",), claimName=NAME, readOnly=BOOLEAN),
    ),
    "io.k8s.api.core.v1.Service": fields(
        ("apiVersion", "kind", "metadata", "spec"),
        apiVersion={"type": "string", "pattern": "^v1$"},
        kind={"type": "string", "pattern": "^Service$"},
        metadata=ref("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"),
        spec=fields(
            type={"type": "string", "pattern": "^ClusterIP$"},
            selector=LABELS,
            ports=many(
                fields(("port",), protocol={"type": "string", "pattern": "^(TCP|UDP|SCTP)$"}, port=PORT, targetPort=PORT)
            ),
        ),
    ),
    "io.k8s.api.networking.v1.NetworkPolicy": fields(
        ("apiVersion", "kind", "metadata", "spec"),
        apiVersion={"type": "string", "pattern": "^networking.k8s.io/v1$"},
        kind={"type": "string", "pattern": "^NetworkPolicy$"},
        metadata=ref("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"),
        spec=fields(
            ("podSelector",),
            podSelector=ref("io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector"),
            policyTypes=many({"type": "string", "pattern": "^(Ingress|Egress)$"}),
            ingress=many(
                fields(
                    **{
                        "from": many(fields(ipBlock=fields(("cidr",), cidr={"type": "string", "pattern": r"^[0-9.]+/[0-9]+$"}))),
                        "ports": many(fields(protocol={"type": "string", "pattern": "^TCP$"}, port=PORT)),
                    }
                )
            ),
            egress=many(fields()),
        ),
    ),
    "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions": fields(
        propagationPolicy={"type": "string", "pattern": "^(Orphan|Background|Foreground)$"}, gracePeriodSeconds=INTEGER
    ),
}
KINDS = {
    "deployments": "io.k8s.api.apps.v1.Deployment",
    "services": "io.k8s.api.core.v1.Service",
    "networkpolicies": "io.k8s.api.networking.v1.NetworkPolicy",
}


def faults(value, schema, at=""):
    """What is wrong with a value, a sentence each."""
    if "ref" in schema:
        schema = DEFINITIONS[schema["ref"]]
    kind = schema["type"]
    python = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict, "map": dict}[kind]
    if not isinstance(value, python) or (kind == "integer" and isinstance(value, bool)):
        return [f"{at or '/'}: {value!r} is no {kind}"]
    found = []
    if kind == "string":
        if "pattern" in schema and not re.search(schema["pattern"], value):
            found.append(f"{at}: {value!r} does not match {schema['pattern']}")
        if len(value) > schema.get("longest", 1 << 20):
            found.append(f"{at}: {value!r} is too long")
    elif kind == "integer" and not schema.get("from", value) <= value <= schema.get("to", value):
        found.append(f"{at}: {value} is out of range")
    elif kind == "array":
        for index, item in enumerate(value):
            found += faults(item, schema["items"], f"{at}/{index}")
    elif kind == "map":
        for name, item in value.items():
            found += faults(item, schema["of"], f"{at}/{name}")
    elif kind == "object":
        found += [f"{at}/{name}: it is missing" for name in schema["required"] if name not in value]
        for name, item in value.items():
            if name in schema["properties"]:
                found += faults(item, schema["properties"][name], f"{at}/{name}")
            else:
                found.append(f"{at}/{name}: unknown field")
    return found


def restricted(pod):
    """What the restricted Pod Security Standard (kubernetes.io/docs/concepts/security/pod-security-standards) forbids."""
    found = []
    own = pod.get("securityContext", {})
    if own.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
        found.append("seccompProfile must be RuntimeDefault or Localhost")
    if own.get("runAsUser") == 0:
        found.append("runAsUser must not be 0")
    for container in pod["containers"]:
        mine = container.get("securityContext", {})
        if mine.get("allowPrivilegeEscalation") is not False:
            found.append("allowPrivilegeEscalation must be false")
        if mine.get("privileged"):
            found.append("privileged must not be true")
        if mine.get("capabilities", {}).get("drop") != ["ALL"] or mine["capabilities"].get("add", []) not in ([], ["NET_BIND_SERVICE"]):
            found.append("capabilities must drop ALL")
        if not (mine.get("runAsNonRoot") or own.get("runAsNonRoot")):
            found.append("runAsNonRoot must be true")
    for volume in pod.get("volumes", []):
        if set(volume) - {"name", "emptyDir", "persistentVolumeClaim"}:
            found.append(f"volume {volume['name']} is of a forbidden kind")
    return found


def differences(ours, theirs, document, at):
    """Where a definition of ours says something else than theirs, a sentence each."""
    if "ref" in ours:
        ours = DEFINITIONS[ours["ref"]]
    if "$ref" in theirs:
        theirs = document["definitions"][theirs["$ref"].removeprefix("#/definitions/")]
    kind = ours["type"]
    if theirs.get("format") == "int-or-string":
        return [] if kind in ("integer", "string") else [f"{at}: an integer or a string there, {kind} here"]
    if theirs["type"] != {"map": "object"}.get(kind, kind):
        return [f"{at}: {theirs['type']} there, {kind} here"]
    if kind == "array":
        return differences(ours["items"], theirs["items"], document, at + "/*")
    if kind == "map":
        return differences(ours["of"], theirs["additionalProperties"], document, at + "/*")
    if kind != "object":
        return []
    found = [f"{at}/{name}: required there" for name in theirs.get("required", ()) if name not in ours["required"]]
    for name, value in ours["properties"].items():
        if name in theirs.get("properties", {}):
            found += differences(value, theirs["properties"][name], document, f"{at}/{name}")
        else:
            found.append(f"{at}/{name}: unknown there")
    return found


def compare(document):
    return [one for name, ours in DEFINITIONS.items() for one in differences(ours, document["definitions"][name], document, name)]


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        OTHER = json.load(file)
    if FOUND := compare(OTHER):
        sys.exit("\n".join(FOUND))
    print(f"{len(DEFINITIONS)} definitions agree with {OTHER['info']['title']} {OTHER['info']['version']}")
