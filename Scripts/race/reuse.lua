-- So many requests and no more, every tenth a POST, and the word `answered` when each was. Left to
-- itself wrk stops after a time, and cuts off what is under way; here SIGINT ends it at that word.
-- wrk -s reuse.lua URL -- REQUESTS

local limit, granted, answered, asked = 0, 0, 0, 0
local get, post

function init(words)
   limit = tonumber(words[1])
   get = wrk.format("GET", "/")
   post = wrk.format("POST", "/", nil, "a small body, for a POST")
end

-- Called before each request; in milliseconds.
function delay()
   if granted >= limit then return 3600000 end
   granted = granted + 1
   return 0
end

function request()
   asked = asked + 1
   return asked % 10 == 0 and post or get
end

function response()
   answered = answered + 1
   if answered == limit then
      io.write("answered\n")
      io.flush()
   end
end

-- As wrk.lua does.
function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      "result requests=%d microseconds=%d p50=%d p99=%d"
         .. " connect=%d read=%d write=%d timeout=%d status=%d\n",
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
      errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
