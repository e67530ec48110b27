-- What bench wrote before its tables had revisions: the tables of SQLite, with one run in them.
CREATE TABLE run (
  id VARCHAR NOT NULL,
  "plan" VARCHAR NOT NULL,
  state VARCHAR NOT NULL,
  run TEXT NOT NULL,
  entry TEXT NOT NULL,
  gates TEXT NOT NULL,
  PRIMARY KEY (id)
);
CREATE TABLE job (
  run_id VARCHAR NOT NULL,
  position INTEGER NOT NULL,
  model VARCHAR NOT NULL,
  device VARCHAR NOT NULL,
  variant VARCHAR NOT NULL,
  repeat INTEGER NOT NULL,
  state VARCHAR NOT NULL,
  version INTEGER NOT NULL,
  entry TEXT NOT NULL,
  PRIMARY KEY (run_id, position),
  UNIQUE (run_id, model, device, variant, repeat),
  FOREIGN KEY(run_id) REFERENCES run (id)
);
CREATE TABLE session (
  run_id VARCHAR NOT NULL,
  model VARCHAR NOT NULL,
  device VARCHAR NOT NULL,
  variant VARCHAR NOT NULL,
  number INTEGER NOT NULL,
  project VARCHAR NOT NULL,
  at DATETIME NOT NULL,
  accepted BOOLEAN NOT NULL,
  entry TEXT NOT NULL,
  PRIMARY KEY (run_id, model, device, variant, number),
  FOREIGN KEY(run_id) REFERENCES run (id)
);
CREATE TABLE fresh_start (
  run_id VARCHAR NOT NULL,
  model VARCHAR NOT NULL,
  device VARCHAR NOT NULL,
  variant VARCHAR NOT NULL,
  PRIMARY KEY (run_id, model, device, variant),
  FOREIGN KEY(run_id) REFERENCES run (id)
);
CREATE TABLE named_run (
  name VARCHAR NOT NULL,
  run_id VARCHAR NOT NULL,
  PRIMARY KEY (name),
  FOREIGN KEY(run_id) REFERENCES run (id)
);
CREATE INDEX ix_run_plan ON run ("plan");
CREATE INDEX session_of_cell ON session (project, model, device, variant, at);
INSERT INTO "run" VALUES('20260101T000000Z-abcdef','p','completed','{"id":"20260101T000000Z-abcdef","plan":"p","project":"p","cloud":"local","started_at":"2026-01-01T00:00:00Z","plan_sha256":"0000000000000000000000000000000000000000000000000000000000000000","tool_version":"0","state":"completed","ended_at":"2026-01-01T01:00:00Z","exit_code":0}','{"run":{"id":"20260101T000000Z-abcdef","plan":"p","project":"p","cloud":"local","started_at":"2026-01-01T00:00:00Z","plan_sha256":"0000000000000000000000000000000000000000000000000000000000000000","tool_version":"0","state":"running","ended_at":null,"exit_code":null},"plan":{"path":"/plans/plan.yaml","text":"version: 1","sha256":"0000000000000000000000000000000000000000000000000000000000000000","name":"p","project":"p","models":[{"name":"m","path":"/plans/m.onnx","inputs":{},"params":{"num_threads":"2"}}],"devices":[{"name":"*","platform":null,"os":"","vendor":"*","type":"*","limit":null}],"cloud":"local","variants":[{"name":"default","params":{}}],"include":[],"exclude":[],"params":{},"repeats":1,"tags":{},"limits":{"in_flight":20,"per_device":2,"poll_interval_s":5.0,"queue_timeout_s":7200.0,"run_timeout_s":900.0,"retries":2,"reconcile_s":null},"baseline":{"rolling":20,"min":5,"pinned":null,"max_age_s":2592000.0,"control":"auto"},"gates":[],"gating":{"profile":"release","max_sessions":3,"statistic":"auto","new_cells":"warn"},"schedule":null,"notify":[]},"models":[{"name":"m","path":"/plans/m.onnx","format":"onnx","sha256":"1111111111111111111111111111111111111111111111111111111111111111","size_bytes":10,"inputs":[{"name":"x","dtype":"float32","shape":[1,"n"]}],"outputs":[{"name":"y","dtype":"float32","shape":null}],"operators":{"Conv":1},"opset":null,"ir_version":null,"parameters":null,"multiply_accumulates":null,"chosen_dimensions":[],"input_shapes":{},"external_files":[],"warnings":[],"random_weights":false}],"devices":[{"name":"d1","platform":"ANDROID","os":"","vendor":"","type":"","cpu":""},{"name":"d2","platform":"ANDROID","os":"","vendor":"","type":"","cpu":""}],"cells":[{"model":"m","device":"d1","variant":"default"}],"folder":"/plans/20260101T000000Z-abcdef","command":"bench","notices":[],"gates":[]}','[]');
INSERT INTO "job" VALUES('20260101T000000Z-abcdef',0,'m','d1','default',1,'planned',0,'{"run_id":"20260101T000000Z-abcdef","key":{"cell":{"model":"m","device":"d1","variant":"default"},"repeat":1},"state":"planned","version":0,"attempt":1,"started_at":null,"download_id":"","upload_id":"","job_id":"","changes":[],"notes":[],"files":[],"outcome":null,"final":false,"attempts":[],"hub_run_id":"","artifacts":[]}');
INSERT INTO "session" VALUES('20260101T000000Z-abcdef','m','d1','default',1,'p','2026-01-02 00:01:00.000000',true,'{"cell":{"model":"m","device":"d1","variant":"default"},"run_id":"20260101T000000Z-abcdef","at":"2026-01-02T00:01:00Z","planned":3,"number":1,"values":{"latency_p50_ms":[1.0,2.0,3.0]},"iterations":{"latency_p50_ms":50},"missing":[],"context":{"os":"Linux 6"},"trust":"trusted","reasons":[],"profiled":false,"units":{},"unit_shares":{"CPU":1.0}}');
INSERT INTO "fresh_start" VALUES('20260101T000000Z-abcdef','m','d1','default');
INSERT INTO "named_run" VALUES('release/1','20260101T000000Z-abcdef');
