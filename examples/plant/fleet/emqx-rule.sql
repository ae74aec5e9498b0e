-- EMQX, a rule (Integration, Rules): every part that is not good, for a sink such as Kafka, PostgreSQL or HTTP. The action's template
-- names the columns. Old results are marked `historical`; they are wanted in a database and not at a reject gate.
SELECT
  nth(2, tokens(topic, '/')) AS device,
  payload.camera AS camera,
  payload.seq AS seq,
  payload.acquisition AS acquisition,
  payload.verdict AS verdict,
  payload.product AS product,
  payload.time AS time,
  payload.historical AS historical
FROM
  "ocellus/+/camera/+/inspection"
WHERE
  payload.verdict != 'ok'
