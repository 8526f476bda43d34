-- What a scenario sends, and the result as one line that needs no guessing about units.
-- wrk -s wrk.lua URL -- [BODY-BYTES]

-- Called once, before wrk composes the request that it then repeats.
function init(words)
   if words[1] then
      wrk.method = "POST"
      wrk.body = string.rep("u", tonumber(words[1]))
   end
end

-- Latencies are in microseconds.
function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      "result requests=%d microseconds=%d p50=%d p99=%d"
         .. " connect=%d read=%d write=%d timeout=%d status=%d\n",
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
      errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
