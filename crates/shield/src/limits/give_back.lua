-- Takes the newest one counted back out of each window of a key.
-- KEYS[1]: a hash of counts by "<seconds of the window>:<number of the slot>".
local newest = {}
local counts = redis.call('HGETALL', KEYS[1])
for at = 1, #counts, 2 do
  local seconds, number = string.match(counts[at], '^(%d+):(%d+)$')
  number = tonumber(number)
  if tonumber(counts[at + 1]) > 0 and number > (newest[seconds] or -1) then newest[seconds] = number end
end
for seconds, number in pairs(newest) do
  redis.call('HINCRBY', KEYS[1], seconds .. ':' .. string.format('%d', number), -1)
end
return 0
