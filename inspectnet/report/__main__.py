"""`python -m inspectnet.report` prints the JSON Schema of every result.json, which ships as result.schema.json."""

import json

from inspectnet.report.envelope import schema

print(json.dumps(schema(), indent=1))
