-- Counts one in each window of a key, unless one of them is full.
-- KEYS[1]: a hash of counts by "<seconds of the window>:<number of the slot>".
-- ARGV: how many slots a window has; then for each window its limit, its seconds and the milliseconds of a slot.
-- Returns 1 if it was counted, else 0; then for each window how many more may come, and milliseconds to wait.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local slots = tonumber(ARGV[1])
local windows, by_seconds, longest = {}, {}, 0
for at = 2, #ARGV, 3 do
  local window = { limit = tonumber(ARGV[at]), seconds = ARGV[at + 1], slot = tonumber(ARGV[at + 2]), total = 0 }
  window.newest = math.floor(now / window.slot)
  windows[#windows + 1] = window
  by_seconds[window.seconds] = window
  longest = math.max(longest, slots * window.slot)
end

local counts = redis.call('HGETALL', KEYS[1])
for at = 1, #counts, 2 do
  local seconds, number = string.match(counts[at], '^(%d+):(%d+)$')
  local window = by_seconds[seconds]
  number = tonumber(number)
  if window and number > window.newest - slots then
    local count = tonumber(counts[at + 1])
    window.total = window.total + count
    if count > 0 then window.oldest = math.min(window.oldest or number, number) end
  else
    redis.call('HDEL', KEYS[1], counts[at])
  end
end

local has_room = 1
for _, window in ipairs(windows) do
  if window.total >= window.limit then has_room = 0 end
end
local answer = { has_room }
for _, window in ipairs(windows) do
  if has_room == 1 then
    redis.call('HINCRBY', KEYS[1], window.seconds .. ':' .. string.format('%d', window.newest), 1)
    window.total = window.total + 1
    window.oldest = window.oldest or window.newest
  end
  local oldest = window.oldest or window.newest
  answer[#answer + 1] = math.max(window.limit - window.total, 0)
  answer[#answer + 1] = (oldest + slots) * window.slot - now
end
if has_room == 1 then redis.call('PEXPIRE', KEYS[1], longest) end
return answer
